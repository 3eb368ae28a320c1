/** What every error of this package has: a stable code, and whether trying again can help. */
export abstract class EmbeddedKafkaError extends Error {
  abstract readonly code: string;
  abstract readonly retryable: boolean;
}

/** No Java was found that can run Kafka. */
export class NoJavaError extends EmbeddedKafkaError {
  override readonly name = 'NoJavaError';
  readonly code = 'NO_JAVA';
  readonly retryable = false;

  constructor(
    readonly majorMin: number,
    /** What was found, as in `Java 11 at /usr/bin/java`. */
    readonly tooOld: readonly string[],
  ) {
    const found = tooOld.length === 0 ? '' : ` (found ${tooOld.join(', ')})`;
    super(
      `Apache Kafka needs Java ${majorMin} or later, and there is none here${found}: install one, or set JAVA_HOME to ` +
        'its folder.',
    );
  }
}

/** A jar could not be fetched. */
export class DownloadFailedError extends EmbeddedKafkaError {
  override readonly name = 'DownloadFailedError';
  readonly code = 'DOWNLOAD_FAILED';
  readonly retryable = true;

  constructor(
    readonly url: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `A part of Apache Kafka could not be fetched from ${url}: ${reason}. Where Maven Central is out of reach, set ` +
        'ATONE_MAVEN_URL to a mirror of it.',
      options,
    );
  }
}

/** What was fetched is not the jar that is known by that name. It was not kept. */
export class WrongJarError extends EmbeddedKafkaError {
  override readonly name = 'WrongJarError';
  readonly code = 'WRONG_JAR';
  readonly retryable = false;

  constructor(readonly url: string) {
    super(
      `What came from ${url} is not the file that is known by that name: its SHA-256 is another. It was not kept.`,
    );
  }
}

/** Something else listens on the port that was asked for. */
export class PortInUseError extends EmbeddedKafkaError {
  override readonly name = 'PortInUseError';
  readonly code = 'PORT_IN_USE';
  readonly retryable = false;

  constructor(readonly port: number) {
    super(`Port ${port} on 127.0.0.1 is in use by another program: free it, or choose another port.`);
  }
}

/** The disk is full. */
export class NoDiskSpaceError extends EmbeddedKafkaError {
  override readonly name = 'NoDiskSpaceError';
  readonly code = 'NO_DISK_SPACE';
  readonly retryable = false;

  constructor(
    readonly folder: string,
    options?: ErrorOptions,
  ) {
    super(`The disk that holds ${folder} is full: Apache Kafka needs about 100 MB to start.`, options);
  }
}

/** A broker of somebody else runs on the folder. */
export class FolderInUseError extends EmbeddedKafkaError {
  override readonly name = 'FolderInUseError';
  readonly code = 'FOLDER_IN_USE';
  readonly retryable = true;

  constructor(
    readonly folder: string,
    readonly pid: number,
  ) {
    super(
      `The folder ${folder} is in use by the Kafka of another program, process ${pid}: end that, or choose another folder.`,
    );
  }
}

/** The broker, or the program that formats its folder, stopped for a reason that has no class of its own. */
export class ServerStartError extends EmbeddedKafkaError {
  override readonly name = 'ServerStartError';
  readonly code = 'SERVER_DID_NOT_START';
  readonly retryable = true;

  constructor(
    readonly folder: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`Apache Kafka did not start in ${folder}: ${reason}`, options);
  }
}
