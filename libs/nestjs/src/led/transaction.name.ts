const LENGTH_MAX = 128;

/** Returns the name of a transaction that `method` of `owner` leads: `orders-place` for `Orders.place`. */
export function transactionName(owner: string, method: string | symbol): string {
  const words = `${owner}-${String(typeof method === 'symbol' ? method.description : method)}`
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/gu, '-')
    .toLowerCase()
    .replaceAll(/[^a-z0-9_.]+/gu, '-')
    .replaceAll(/^[^a-z]+|-+$/gu, '');
  return (words || 'transaction').slice(0, LENGTH_MAX);
}
