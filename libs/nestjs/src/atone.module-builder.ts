import { ConfigurableModuleBuilder } from '@nestjs/common';
import { checkedProvider } from './atone.option.names.js';
import { ATONE_OPTIONS, type AtoneOptions } from './atone.options.js';
import { clientProviders, clientToken, type AnyContract } from './led/service.clients.js';

/** What the module must know before it has its options: `forRootAsync` takes it, too. */
export interface AtoneExtras {
  readonly isGlobal?: boolean;
  /** The contracts of the services whose clients are injected with `@InjectClient`. */
  readonly clients?: readonly AnyContract[];
}

const builder = new ConfigurableModuleBuilder<AtoneOptions>({
  moduleName: 'Atone',
  optionsInjectionToken: ATONE_OPTIONS as symbol,
})
  .setClassMethodName('forRoot')
  .setExtras<AtoneExtras>(
    { isGlobal: true, clients: [] },
    (definition, { isGlobal = true, clients = [] }) => ({
      ...definition,
      global: isGlobal,
      providers: [...(definition.providers ?? []).map(checkedProvider), ...clientProviders(clients)],
      exports: [...(definition.exports ?? []), ...clients.map(clientToken)],
    }),
  )
  .build();

export const ConfigurableAtoneModule = builder.ConfigurableModuleClass;
