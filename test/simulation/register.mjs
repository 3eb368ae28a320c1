import { register } from 'node:module';

// Preloaded into the processes that simulate: they run the sources as they are, without a build.
register('../../tools/typescript.loader.mjs', import.meta.url);
