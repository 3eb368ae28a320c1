import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MisuseError } from '../participant.error.js';
import type { Participant } from '../participant.js';
import { commandListener, type CommandListenerOptions } from './command-listener.js';
import { commandsPath, isLoopback } from './command-request.js';

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than coordinators keep an idle connection, so that they are the ones to close it. */
const KEEP_ALIVE_MS = 75_000;

export interface CommandServerOptions extends CommandListenerOptions {
  readonly participant: Participant;
  /** Default 127.0.0.1. Any other machine's reach needs `keys`. */
  readonly host?: string | undefined;
  /** 0 takes any free port. */
  readonly port: number;
}

export interface CommandServer {
  readonly host: string;
  readonly port: number;
  /** Where a coordinator on this machine sends commands. */
  readonly url: string;
  /** Takes no more commands, and resolves when those that run are through. */
  close(): Promise<void>;
}

/**
 * Takes commands at an HTTP server of its own, so that the service's guards, prefixes and body limits do not matter.
 *
 * @throws MisuseError if other machines could send commands and need not sign them, or if it cannot listen there.
 */
export async function startCommandServer(options: CommandServerOptions): Promise<CommandServer> {
  const { participant, host = '127.0.0.1', port, keys = [] } = options;
  if (keys.length === 0 && !isLoopback(host)) {
    throw new MisuseError(
      `The command server of '${participant.service}' would listen on ${host} for commands that nobody signs. Pass ` +
        '`keys: [{ keyId, secret }]` with the secret that the coordinator signs with, or listen on 127.0.0.1.',
    );
  }
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    commandListener(participant, options),
  );
  server.on('request', (_request, response) => {
    response.once('close', () => {
      if (!server.listening) {
        setImmediate(() => server.closeIdleConnections());
      }
    });
  });
  await listen(server, { host, port }).catch((error: unknown) => {
    throw new MisuseError(listenMessage(error, { service: participant.service, host, port }), {
      cause: error,
    });
  });
  const bound = (server.address() as AddressInfo).port;
  const authority = host.includes(':') ? `[${host}]` : host;
  return {
    host,
    port: bound,
    url: `http://${authority}:${bound}${commandsPath(options.prefix)}`,
    async close() {
      await closeServer(server);
      await participant.idle();
    },
  };
}

function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function listenMessage(error: unknown, at: { service: string; host: string; port: number }): string {
  const where = `${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}`;
  const { code = '', message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return (
        `${where}, where the service '${at.service}' takes its commands, is in use. Stop the program that holds it, or ` +
        'take another port: `listen.port`.'
      );
    case 'EACCES':
      return `This user may not listen at ${where}. Take a port of 1024 or more: \`listen.port\`.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `This machine has no address ${at.host}. Correct \`listen.host\`.`;
    default:
      return `Listening at ${where} for commands of the service '${at.service}' failed: ${message}.`;
  }
}

/** A connection that is kept alive would hold the server open after its last answer. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
