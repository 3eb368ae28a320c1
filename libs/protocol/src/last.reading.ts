/** Returns what reads as `read` does, and remembers the last text: most headers are the same as those of the record before. */
export function rememberingLast<Meaning>(read: (text: string) => Meaning): (text: string) => Meaning {
  let last: { readonly text: string; readonly meaning: Meaning } | undefined;
  return (text) => {
    if (last?.text !== text) {
      last = { text, meaning: read(text) };
    }
    return last.meaning;
  };
}
