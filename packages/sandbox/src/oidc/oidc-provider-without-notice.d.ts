// The package's entry point prints a notice about Node 20 when it is imported; this module behind it does not.
declare module 'oidc-provider/lib/provider.js' {
  export { Provider } from 'oidc-provider';
}

declare module 'oidc-provider/lib/helpers/errors.js' {
  export class InvalidRequest extends Error {
    constructor(description: string);
  }
  export class InvalidTarget extends Error {
    constructor(description: string);
  }
}
