export { guardDataSource, InstallBarrier1763800000000, typeormDatabase } from '@atone/participant/typeorm';
