import { register } from 'node:module';

/*
 * A program that starts a broker, says where it is, and then waits to be killed.
 */

register('../../tools/typescript.loader.mjs', import.meta.url);
const { startThrowawayKafka } = await import('../../libs/embedded-kafka/src/index.ts');
const { dataDir, pid } = await startThrowawayKafka();
process.stdout.write(`${JSON.stringify({ dataDir, pid })}\n`);
setInterval(() => undefined, 60_000);
