import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The account that the server runs under; `undefined` stands for our own. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

const NOBODY: ServerUser = { uid: 65_534, gid: 65_534 };

/** Returns the account for the server: PostgreSQL refuses to run as root, as containers often do. */
export function serverUser(): ServerUser | undefined {
  return process.getuid?.() === 0 ? NOBODY : undefined;
}

/** Tells whether `user` may enter `folder`, which needs leave to pass through each folder above it. */
export async function canEnter(folder: string, user: ServerUser | undefined): Promise<boolean> {
  if (user === undefined) return true;
  const { mode, uid, gid } = await stat(folder);
  const passBit = passBitFor(user, { uid, gid });
  if ((mode & passBit) === 0) return false;
  const parent = dirname(folder);
  return parent === folder || canEnter(parent, user);
}

function passBitFor(user: ServerUser, owner: ServerUser): number {
  if (owner.uid === user.uid) return 0o100;
  return owner.gid === user.gid ? 0o010 : 0o001;
}
