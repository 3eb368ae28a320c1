/** What every error of this package has: a stable code, and whether trying again can help. */
export abstract class EmbeddedPostgresError extends Error {
  abstract readonly code: string;
  abstract readonly retryable: boolean;
}

/** Something else listens on the port that was asked for. */
export class PortInUseError extends EmbeddedPostgresError {
  override readonly name = 'PortInUseError';
  readonly code = 'PORT_IN_USE';
  readonly retryable = false;

  constructor(
    readonly port: number,
    options?: ErrorOptions,
  ) {
    super(
      `Port ${port} on 127.0.0.1 is in use by another program: free it, or choose another port.`,
      options,
    );
  }
}

/** The disk is full. The data are as they were. */
export class NoDiskSpaceError extends EmbeddedPostgresError {
  override readonly name = 'NoDiskSpaceError';
  readonly code = 'NO_DISK_SPACE';
  readonly retryable = false;

  constructor(
    readonly folder: string,
    options?: ErrorOptions,
  ) {
    super(`The disk that holds ${folder} is full: PostgreSQL needs about 200 MB to start.`, options);
  }
}

/** No PostgreSQL program was found which this machine can run. */
export class NoBinariesError extends EmbeddedPostgresError {
  override readonly name = 'NoBinariesError';
  readonly code = 'NO_BINARIES';
  readonly retryable = false;

  constructor(
    readonly platform: string,
    readonly tried: readonly string[],
    options?: ErrorOptions,
  ) {
    const where = tried.length === 0 ? '' : ` (tried ${tried.join(', ')})`;
    super(
      `No PostgreSQL binaries were found that run on ${platform}${where}: they come with the npm package for ` +
        'Linux (x64 or arm64, with glibc) and macOS; elsewhere install PostgreSQL 14 or later, or set ' +
        'ATONE_POSTGRES_BIN to the folder of its programs.',
      options,
    );
  }
}

/** The data were written by another major version, which alone can read them. */
export class WrongMajorVersionError extends EmbeddedPostgresError {
  override readonly name = 'WrongMajorVersionError';
  readonly code = 'WRONG_MAJOR_VERSION';
  readonly retryable = false;

  constructor(
    readonly folder: string,
    readonly found: string,
    readonly wanted: string,
  ) {
    super(
      `The folder ${folder} holds data of PostgreSQL ${found}, and the binaries are of PostgreSQL ${wanted}: ` +
        `move the folder away to start afresh, or set ATONE_POSTGRES_BIN to the programs of PostgreSQL ${found}.`,
    );
  }
}

/** The server, or `initdb` before it, stopped for a reason that has no class of its own. */
export class ServerStartError extends EmbeddedPostgresError {
  override readonly name = 'ServerStartError';
  readonly code = 'SERVER_DID_NOT_START';
  readonly retryable = true;

  constructor(
    readonly folder: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`PostgreSQL did not start in ${folder}: ${reason}`, options);
  }
}
