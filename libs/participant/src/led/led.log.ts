/** Where led transactions tell what they cannot throw. */
export interface LedLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
