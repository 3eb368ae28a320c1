/** Something that is under way: until it is over, time stands still. */
export interface Work {
  /** How many answers it waits for itself: until they come, time has to pass. */
  waitingCount: number;
}
