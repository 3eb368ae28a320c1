import { z } from 'zod';
import { environmentSchema } from './configuration.js';

/** Returns the variables, what they are without a value, and what they mean, as a table in Markdown. */
export function configurationTable(): string {
  const { properties = {} } = z.toJSONSchema(environmentSchema, { io: 'input' });
  const rows = Object.entries(properties).map(([name, schema]) => {
    const { default: value, description = '' } = typeof schema === 'object' ? schema : {};
    return `| \`${name}\` | ${typeof value === 'string' ? `\`${value}\`` : ''} | ${description} |`;
  });
  return ['| Variable | Default | What it means |', '| --- | --- | --- |', ...rows].join('\n');
}
