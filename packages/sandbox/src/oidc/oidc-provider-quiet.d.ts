// The package's door prints a notice about Node 20 when it is opened; this module behind it does not.
declare module 'oidc-provider/lib/provider.js' {
  export { Provider } from 'oidc-provider';
}
