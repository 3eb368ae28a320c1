export {
  guardDataSource,
  InstallBarrier1763800000000,
  InstallBarrierLed1764200000000,
  InstallBarrierMark1764000000000,
  InstallBarrierTimeout1764400000000,
  typeormDatabase,
} from '@atone/participant/typeorm';
