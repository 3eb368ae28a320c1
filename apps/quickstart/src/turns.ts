/** Returns what gives each of `items` in its turn, beginning with that at `start`, over and over. */
export function turnsOf<Item>(items: readonly Item[], start = 0): () => Item {
  let turn = start;
  return () => {
    const item = items[turn % items.length] as Item;
    turn += 1;
    return item;
  };
}
