/**
 * The version of the wire contract. Coordinators and participants of versions N and N+1 understand each other;
 * the number rises only with a change that the older side would misread.
 */
export const PROTOCOL_VERSION = 1;
