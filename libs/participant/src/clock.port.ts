/** The time of this process. Nothing that must be right depends on it. */
export interface ParticipantClock {
  /** Returns the time in ms since 1970. */
  now(): number;
  /** Returns the instant `ms` after 1970. */
  instant(ms: number): Date;
}
