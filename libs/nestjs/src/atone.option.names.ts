import {
  MisuseError,
  refuseUnknownOptions,
  SERVICE_OPTION_NAMES,
  suggestion,
  type OptionNames,
} from '@atone/participant';
import type { FactoryProvider, Provider } from '@nestjs/common';
import { ATONE_OPTIONS, type AtoneOptions, type PropagationOptions } from './atone.options.js';

const PROPAGATION: OptionNames<PropagationOptions> & OptionNames = {
  inbound: true,
  fetch: true,
  httpService: true,
  clients: true,
  to: true,
  mandatoryTo: true,
  mandatoryClients: true,
};

const NAMES: OptionNames<AtoneOptions> = { ...SERVICE_OPTION_NAMES, propagation: PROPAGATION };

/** What `forRootAsync` takes beside what makes the options. */
const ASYNC_NAMES = [
  'imports',
  'inject',
  'useFactory',
  'useClass',
  'useExisting',
  'provideInjectionTokensFrom',
  'clients',
  'isGlobal',
];

/**
 * Returns `provider` so that nobody gets options from it that cannot work.
 *
 * @throws MisuseError for those of `forRoot`, at once. For those of a factory the start rejects with one.
 */
export function checkedProvider(provider: Provider): Provider {
  if (!('provide' in Object(provider)) || (provider as FactoryProvider).provide !== ATONE_OPTIONS) {
    return provider;
  }
  if ('useValue' in (provider as object)) {
    refuseBadOptions((provider as { readonly useValue: object }).useValue, 'AtoneModule.forRoot');
    return provider;
  }
  const { useFactory, ...rest } = provider as FactoryProvider<object>;
  return {
    ...rest,
    useFactory: async (...parts: unknown[]) => {
      const options = await useFactory(...parts);
      refuseBadOptions(options, 'AtoneModule.forRootAsync');
      return options;
    },
  };
}

/** @throws MisuseError for what stands beside `useFactory`, and nobody would look at. */
export function refuseUnknownBesideFactory(given: object): void {
  const unknown = Object.keys(given).find((name) => !ASYNC_NAMES.includes(name));
  if (unknown !== undefined) {
    throw new MisuseError(
      `AtoneModule.forRootAsync has no option '${unknown}'. ${suggestion(unknown, ASYNC_NAMES)}. What forRoot takes is returned by the factory.`,
    );
  }
}

function refuseBadOptions(options: object, place: string): void {
  const late = ['clients', 'isGlobal'].find((name) => Object.hasOwn(options, name));
  if (late !== undefined) {
    throw new MisuseError(
      `The factory of ${place} returns '${late}', which is needed before it is called. Write it beside \`useFactory\`.`,
    );
  }
  refuseUnknownOptions(options, { place, names: NAMES });
}
