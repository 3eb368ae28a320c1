import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { instrumentAxios, type AxiosLike } from '@atone/participant';
import { ATONE_OPTIONS, type AtoneOptions } from '../atone.options.js';
import { wrapGlobalFetch } from './global.fetch.js';
import { addRule, isCarried, isMandatory, type Carrier } from './propagation.rules.js';

/** Shared by all copies of this library in the process: an instance of axios may be, too. */
const KEY = Symbol.for('atone.axios');

const shared = globalThis as { [KEY]?: WeakSet<object> };
const instrumented = (shared[KEY] ??= new WeakSet<object>());

/** Lets the calls of the global `fetch` and of Nest's HttpService carry the led transaction around them, while the application runs. */
@Injectable()
export class Outbound implements OnModuleInit, OnApplicationShutdown {
  private endRule: (() => void) | undefined;

  constructor(
    @Inject(ATONE_OPTIONS) private readonly options: AtoneOptions,
    private readonly discovery: DiscoveryService,
  ) {}

  onModuleInit(): void {
    const { to, mandatoryTo, fetch = true, httpService = true } = this.options.propagation ?? {};
    const carriers = new Set<Carrier>();
    if (fetch) {
      wrapGlobalFetch();
      carriers.add('fetch');
    }
    if (httpService) {
      this.httpClients().forEach(instrument);
      carriers.add('httpService');
    }
    this.endRule = addRule({ carriers, to, mandatoryTo });
  }

  onApplicationShutdown(): void {
    this.endRule?.();
  }

  private httpClients(): readonly AxiosLike[] {
    return this.discovery.getProviders().flatMap(({ instance }) => axiosOf(instance) ?? []);
  }
}

/** By its shape: @nestjs/axios need not be installed, and there may be two of it. */
function axiosOf(instance: unknown): AxiosLike | undefined {
  if (typeof instance !== 'object' || instance === null || !('axiosRef' in instance)) {
    return undefined;
  }
  const axios = instance.axiosRef as Partial<AxiosLike> | undefined;
  return typeof axios?.interceptors?.request?.use === 'function' ? (axios as AxiosLike) : undefined;
}

function instrument(axios: AxiosLike): void {
  if (!instrumented.has(axios)) {
    instrumented.add(axios);
    instrumentAxios(axios, {
      propagateTo: (url) => isCarried(url, 'httpService'),
      mandatoryTo: (url) => isMandatory(url, 'httpService'),
    });
  }
}
