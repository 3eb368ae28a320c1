export { HttpTransport, type HttpTransportOptions } from './http.transport.js';
export { DEFAULT_LIMITS, type HttpTransportLimits } from './limits.js';
