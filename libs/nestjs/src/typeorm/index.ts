export {
  guardDataSource,
  InstallBarrier1763800000000,
  InstallBarrierMark1764000000000,
  typeormDatabase,
} from '@atone/participant/typeorm';
