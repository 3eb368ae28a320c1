import type { FastifyInstance } from 'fastify';

export interface Route {
  readonly method: string;
  /** As it was declared, with `:name` for the parts that vary. */
  readonly path: string;
}

/** All routes of the server, whoever declared them. */
export class RouteTable {
  private readonly entries: (Route & { readonly pattern: RegExp })[] = [];

  /** Takes note of every route that is declared from now on. */
  watch(server: FastifyInstance): void {
    server.addHook('onRoute', ({ method, url }) => {
      for (const name of [method].flat()) {
        this.entries.push({ method: name, path: url, pattern: patternOf(url) });
      }
    });
  }

  get routes(): readonly Route[] {
    return this.entries;
  }

  /** Returns the methods that `path` can be asked with. */
  methodsOf(path: string): readonly string[] {
    return this.entries.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
  }
}

function patternOf(path: string): RegExp {
  const parts = path
    .split('/')
    .map((part) =>
      part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`),
    );
  return new RegExp(`^${parts.join('/')}/?$`, 'u');
}
