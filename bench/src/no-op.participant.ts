import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { replyTo, type BranchCommand, type CommandBatch } from '@atone/protocol';

/*
 * A participant that says yes to everything and keeps nothing: what is left is the cost of the coordinator and the wire.
 * Started as a process of its own; tells its parent the port.
 */

const server = createServer((request, response) => {
  void answer(request, response);
});

server.listen(0, '127.0.0.1', () => {
  process.send?.(server.address());
});
process.once('disconnect', () => process.exit(0));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { commands } = JSON.parse(await text(request)) as CommandBatch;
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.end(commands.map(yes).join(''));
}

function yes(command: BranchCommand): string {
  const reply =
    command.op === 'action'
      ? ({ outcome: 'done', output: null } as const)
      : ({ outcome: 'undone', wasEmpty: false } as const);
  return `${JSON.stringify(replyTo(command, reply))}\n`;
}
