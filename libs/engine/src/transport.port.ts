import type { BranchCommand, ReplyEnvelope } from '@atone/protocol';

/** What became of a reply. */
export interface ReplyFate {
  /** Whether its transaction is driven here. If not, it was passed over, and concerns another instance or nobody. */
  readonly isDriven: boolean;
  /**
   * Resolves when what the reply has caused is in the log, as far as it is written at all, or when another instance drives the
   * transaction. Has such a write wait for no company. Never rejects; while the log does not answer it does not resolve.
   */
  settled(): Promise<void>;
}

/**
 * Takes what participants answer. Called at any time, in any order, perhaps more than once for one command. A transport that
 * keeps replies until they are dealt with looks at what becomes of them; others need not.
 */
export type ReplySink = (reply: ReplyEnvelope) => ReplyFate | void;

/**
 * Brings commands to participants and their replies back.
 *
 * A command that is handed over yields one reply, or several, or none: it may be lost, and it may arrive twice. What
 * a transport itself finds out (nobody listens, no instance is known, the answer makes no sense) it replies as
 * `unknown` with the class of the error. It never replies `refused` or `done` in a participant's place.
 */
export interface BranchTransport {
  /** Sets where replies go. Called once, before the first command. */
  onReply(sink: ReplySink): void;
  /**
   * Hands a command over. After `answerWithinMs` the engine has given this attempt up: a command that has not left by
   * then must never leave, or an action could overtake its own undo.
   */
  send(command: BranchCommand, answerWithinMs: number): void;
  /** Stops sending, and waits a little for what is in flight. */
  close(): Promise<void>;
}
