import Table from 'cli-table3';

/** Where a command writes what people, or other programs, read. */
export interface Output {
  line(text: string): void;
}

/** Writes a table for people. */
export function writeTable(
  output: Output,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const table = new Table({ head: [...head], style: { head: [], border: [] }, wordWrap: true });
  table.push(...rows.map((row) => [...row]));
  output.line(table.toString());
}
