import { Inject, Injectable, type InjectionToken, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { MisuseError } from '@atone/participant';
import { ATONE_OPTIONS, type AtoneOptions } from '../atone.options.js';
import { letCarry } from './client.proxy.js';
import { hasMetadata, isClientProxy, type ClientProxyLike } from './message.stamp.js';

/** Lets the messages of the clients among the providers carry the led transaction around them, as the options say. */
@Injectable()
export class ClientDiscovery implements OnModuleInit {
  constructor(
    @Inject(ATONE_OPTIONS) private readonly options: AtoneOptions,
    private readonly discovery: DiscoveryService,
  ) {}

  /** A client connects at its first message, which is later. @throws MisuseError for a name that no client has. */
  onModuleInit(): void {
    const clients = this.clients();
    const { clients: meant, mandatoryClients = [] } = this.options.propagation ?? {};
    const mandatory = mandatoryClients.map((token) => clientOf(token, clients, 'mandatoryClients'));
    mandatory.forEach((client) => letCarry(client, { isNamed: true, mandatory: true }));
    if (isList(meant)) {
      const named = meant.map((token) => clientOf(token, clients, 'clients'));
      named.forEach((client) => letCarry(client, { isNamed: true }));
    } else if (meant !== false) {
      const carrying = [...clients.values()].filter((client) => meant === true || hasMetadata(client));
      carrying.forEach((client) => letCarry(client, { isNamed: false }));
    }
  }

  /** Those that are made for a request are not known yet. */
  private clients(): ReadonlyMap<InjectionToken, ClientProxyLike> {
    const providers = this.discovery.getProviders();
    const isWhole = (provider: (typeof providers)[number]): boolean =>
      !provider.isTransient && provider.isDependencyTreeStatic();
    return new Map(
      providers.flatMap((provider) =>
        isWhole(provider) && isClientProxy(provider.instance) ? [[provider.token, provider.instance]] : [],
      ),
    );
  }
}

function clientOf(
  token: InjectionToken,
  clients: ReadonlyMap<InjectionToken, ClientProxyLike>,
  option: 'clients' | 'mandatoryClients',
): ClientProxyLike {
  const client = clients.get(token);
  if (client === undefined) {
    const names = [...clients.keys()].map(String).join(', ');
    throw new MisuseError(
      `\`propagation.${option}\` of AtoneModule names ${String(token)}, and no provider of this name is a ClientProxy that lives as long as the application. There are: ${names === '' ? 'none' : names}. Clients that are no providers are passed to atoneClientProxy.`,
    );
  }
  return client;
}

function isList(
  clients: boolean | readonly InjectionToken[] | undefined,
): clients is readonly InjectionToken[] {
  return Array.isArray(clients);
}
