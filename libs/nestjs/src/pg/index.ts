export { guardPool, pgDatabase } from '@atone/participant/pg';
