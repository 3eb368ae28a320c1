import { Socket } from 'node:net';

/** Long enough for a broker on this machine; whoever asks will ask again. */
const TIMEOUT_MS = 2_000;

const API_VERSIONS = 18;

/** The answer's length, the id of the request, and the code of an error. */
const ANSWER_LENGTH_MIN = 10;

/** Tells whether a broker at this port of 127.0.0.1 answers requests, which it does once it is ready for all of them. */
export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new Socket();
    const end = (isAnswer: boolean) => {
      socket.destroy();
      resolve(isAnswer);
    };
    let answer = Buffer.alloc(0);
    socket.setTimeout(TIMEOUT_MS, () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length >= ANSWER_LENGTH_MIN) {
        end(answer.readInt16BE(8) === 0);
      }
    });
    socket.connect(port, '127.0.0.1', () => socket.write(question()));
  });
}

/** Which requests it understands: what every client asks first. */
function question(): Buffer {
  const request = Buffer.alloc(14);
  request.writeInt32BE(10, 0);
  request.writeInt16BE(API_VERSIONS, 4);
  // Version 0, request 0, and a client without a name.
  request.writeInt16BE(-1, 12);
  return request;
}
