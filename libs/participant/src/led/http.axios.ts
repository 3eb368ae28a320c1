import { currentFrame } from '../branch.context.js';
import { beginCall, settleCall } from './call.through.js';
import { contextHeaders } from './http.context.js';
import { httpMeaning, type HttpAnswer } from './http.call.js';
import { isTakingPart, type FetchOptions } from './http.fetch.js';
import type { CallName } from './led.errors.js';
import type { OpenCall } from './scope.js';
import { refuseWithoutFrame } from './transaction.context.js';

interface Interceptors {
  use(...handlers: never[]): unknown;
  /** In the order in which they were added; not in axios' types. */
  readonly handlers?: unknown;
}

/** What is needed of axios, in the words of its types. */
export interface AxiosLike {
  readonly interceptors: { readonly request: Interceptors; readonly response: Interceptors };
}

/** The same, as it is used here: the types of axios say too much for the one who hands it in. */
interface Usable {
  readonly request: { use(onRequest: (config: Config) => Config): unknown };
  readonly response: {
    use(onResponse: (response: Response) => Response, onError: (error: unknown) => never): unknown;
  };
}

interface Config {
  readonly url?: string;
  readonly baseURL?: string;
  readonly method?: string;
  readonly headers: { set(name: string, value: string): unknown };
}

type Response = HttpAnswer & { readonly config: object };

/** A call between its request and its answer. */
interface Started {
  readonly open: OpenCall;
  readonly name: CallName;
}

/**
 * Lets the calls of an axios instance take part in the led transaction around them, as `atoneFetch` does for `fetch`; it
 * sends nothing again by itself. Use axios' own `timeout` for calls that may take too long.
 */
export function instrumentAxios<Axios extends AxiosLike>(
  axios: Axios,
  options: Pick<FetchOptions, 'propagateTo' | 'mandatoryTo'> = {},
): Axios {
  const calls = new WeakMap<object, Started>();
  const { request, response }: Usable = axios.interceptors;
  request.use((config) => {
    const frame = currentFrame();
    const url = urlOf(config);
    if (url === undefined || !isTakingPart(url, options)) {
      return config;
    }
    const what = `${(config.method ?? 'get').toUpperCase()} ${url.origin}${url.pathname}`;
    if (options.mandatoryTo?.(url) === true) {
      refuseWithoutFrame(what);
    }
    if (frame !== undefined) {
      const open = beginCall(frame, what);
      calls.set(config, { open, name: { gid: frame.gid, branchId: open.branchId, what } });
      for (const [name, value] of Object.entries(contextHeaders(frame, open.branchId))) {
        config.headers.set(name, value);
      }
    }
    return config;
  });
  response.use(
    (answer) => {
      settle(calls.get(answer.config), answer);
      return answer;
    },
    (error) => {
      const failed = error as { readonly config?: object; readonly response?: Response };
      settle(calls.get(failed.config ?? {}), failed.response);
      throw error;
    },
  );
  putFirst(axios.interceptors.request);
  putFirst(axios.interceptors.response);
  return axios;
}

/**
 * Puts what was added last before all others: nearest to the request on its way out, where the others come first, and on
 * the way back. Another interceptor may throw in between, or hand on something else than axios' answer.
 */
function putFirst({ handlers }: Interceptors): void {
  if (Array.isArray(handlers)) {
    handlers.unshift(handlers.pop());
  }
}

function settle(started: Started | undefined, response: Response | undefined): void {
  if (response === undefined) {
    started?.open.threw();
  } else if (started !== undefined) {
    settleCall(started.open, started.name, httpMeaning(response));
  }
}

function urlOf({ url = '', baseURL }: Config): URL | undefined {
  const isUsable = URL.canParse(url, baseURL);
  const parsed = isUsable ? new URL(url, baseURL) : undefined;
  return parsed !== undefined && /^https?:$/u.test(parsed.protocol) ? parsed : undefined;
}
