/** Freezes a value and all it holds, so that who changes in place what it was given throws. Returns the value. */
export function frozen<Value>(value: Value): Value {
  // What is frozen holds what is frozen: states share most of their parts with those before them.
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}
