import type { TransactionLog } from '../log.port.js';

/** Returns `log` with some of its methods replaced. */
export function overriding(log: TransactionLog, methods: Partial<TransactionLog>): TransactionLog {
  return new Proxy(log, {
    get: (target, key) => {
      const member: unknown = Reflect.get(methods, key) ?? Reflect.get(target, key);
      return typeof member === 'function' && !Reflect.has(methods, key) ? member.bind(target) : member;
    },
  });
}
