import type { OpenAPIObject } from '@nestjs/swagger';

const METHODS = ['get', 'put', 'post', 'delete'] as const;

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 14px/1.4 ui-monospace, monospace; background: #8882; border-radius: 4px; padding: .1em .3em }
pre { padding: .8em; overflow-x: auto }
summary { cursor: pointer; padding: .3em 0 }
td { vertical-align: top; padding: .2em 1em .2em 0 }
:root { color-scheme: light dark }`;

/** Returns a page that shows the API to people: no script, and nothing from elsewhere. */
export function documentPage(document: OpenAPIObject): string {
  const { title, description = '', version } = document.info;
  return [
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title><style>${STYLE}</style>`,
    `<h1>${escaped(title)} ${escaped(version)}</h1><p>${prose(description)}</p>`,
    '<p>For programs: <a href="/openapi.json">openapi.json</a></p>',
    ...[...byGroup(document)].map(
      ([name, entries]) => `<h2>${escaped(name)}</h2>${entries.map(section).join('\n')}`,
    ),
    '</html>',
  ].join('\n');
}

function byGroup(document: OpenAPIObject): Map<string, Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation !== undefined) {
        const name = operation.tags?.[0] ?? 'more';
        groups.set(name, [...(groups.get(name) ?? []), { method, path, operation }]);
      }
    }
  }
  return groups;
}

function section({ method, path, operation }: Entry): string {
  return [
    `<details><summary><code>${method.toUpperCase()} ${escaped(path)}</code> ${prose(operation.summary ?? '')}</summary>`,
    `<p>${prose(operation.description ?? '')}</p>`,
    table(parametersOf(operation)),
    exampleOf(operation),
    table(answersOf(operation)),
    '</details>',
  ].join('');
}

function parametersOf(operation: Operation): readonly (readonly [string, string])[] {
  return (operation.parameters ?? []).flatMap((parameter) =>
    'name' in parameter
      ? [[`${parameter.name} (${parameter.in})`, parameter.description ?? ''] as const]
      : [],
  );
}

function answersOf(operation: Operation): readonly (readonly [string, string])[] {
  return Object.entries(operation.responses).map(([status, response]) => [
    status,
    response !== undefined && 'description' in response ? response.description : '',
  ]);
}

function exampleOf({ requestBody }: Operation): string {
  const content = requestBody !== undefined && 'content' in requestBody ? requestBody.content : {};
  const example: unknown = content['application/json']?.example;
  return example === undefined ? '' : `<pre>${escaped(JSON.stringify(example, undefined, 2))}</pre>`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const lines = rows.map(
    ([name, text]) => `<tr><td><code>${escaped(name)}</code></td><td>${prose(text)}</td></tr>`,
  );
  return rows.length === 0 ? '' : `<table>${lines.join('')}</table>`;
}

/** Markdown as far as the descriptions use it: code between back-ticks. */
function prose(text: string): string {
  return escaped(text).replaceAll(/`([^`]+)`/gu, '<code>$1</code>');
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
