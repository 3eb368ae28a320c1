export { pgDatabase } from '@atone/participant/pg';
