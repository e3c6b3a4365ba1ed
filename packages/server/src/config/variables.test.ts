import { describe, expect, test } from 'vitest';
import { listVariables, toHelpText } from './help.ts';
import { parseConfig } from './variables.ts';

const required = {
  OIDC_ISSUER: 'https://auth.example.com',
  OIDC_AUDIENCE: 'https://ondemand.example.com',
  OCI_INSTANCE_ID: 'ocid1.instance.oc1.eu-frankfurt-1.abc',
};

test('nothing but the required variables is enough', () => {
  const { config } = parseConfig(required);
  expect(config).toMatchObject({
    HOST: '127.0.0.1',
    PORT: 5000,
    TRUST_PROXY: false,
    CORS_ORIGINS: [],
    RATE_LIMIT_PER_MINUTE: 600,
    OCI_AUTH: 'config',
    OCI_TIMEOUT_SECONDS: 10,
    SSH_PORT: 22,
    SSH_USER: 'opc',
    DOCKER_SOCKET: '/var/run/docker.sock',
    DOCKER_TRANSPORT: 'auto',
    COMPOSE_ROOTS: [],
  });
  expect(config.SSH_KNOWN_HOSTS_FILE).toMatch(/^\/.+\/\.ssh\/known_hosts$/);
});

test('all that is missing is listed at once', () => {
  expect(parseConfig({}).problems).toEqual(
    Object.keys(required).map((variable) => `${variable}: required`),
  );
});

test.each([
  ['api_key', 'config'],
  ['security_token', 'session'],
])("the oci CLI's word %s for OCI_AUTH is told as what it is here", (word, meant) => {
  const { problems } = parseConfig({ ...required, OCI_AUTH: word });
  expect(problems).toEqual([
    expect.stringMatching(new RegExp(`^OCI_AUTH: .*${word} is '${meant}'`)),
  ]);
});

test('an empty variable counts as left out', () => {
  expect(parseConfig({ ...required, SSH_HOST: '', PORT: '' }).config.PORT).toBe(5000);
  expect(parseConfig({ ...required, OIDC_ISSUER: '' }).problems).toEqual(['OIDC_ISSUER: required']);
});

describe('values that are refused, by name and never repeated', () => {
  test.each([
    ['HOST', '[::1]'],
    ['HOST', 'localhost:5000'],
    ['HOST', 'http://127.0.0.1'],
    ['HOST', 'a b'],
    ['HOST', '256.1.1.1'],
    ['HOST', '%zz'],
    ['HOST', 'me@localhost'],
    ['PORT', '70000'],
    ['PORT', 'http'],
    ['PORT', '80.5'],
    ['PORT', '0'],
    ['PORT', '0x1770'],
    ['PORT', '5e3'],
    ['PORT', '+80'],
    ['SSH_PORT', '0b11'],
    ['PUBLIC_URL', 'api.example.com'],
    ['PUBLIC_URL', 'https://api.example.com/?x=1'],
    ['PUBLIC_URL', 'https://api.example.com/#x'],
    ['PUBLIC_URL', 'https://api.example.com?'],
    ['PUBLIC_URL', 'https://diego:secret@api.example.com'],
    ['PUBLIC_URL', 'https:api.example.com'],
    ['PUBLIC_URL', 'https:///api.example.com'],
    ['PUBLIC_URL', 'https://api.example.com/a b'],
    ['PUBLIC_URL', 'https://api.exa\nmple.com'],
    ['RATE_LIMIT_REDIS_URL', 'http://:secret@cache.example.com'],
    ['RATE_LIMIT_REDIS_URL', 'redis:cache.example.com'],
    ['RATE_LIMIT_REDIS_URL', 'redis://:%zz@cache.example.com'],
    ['RATE_LIMIT_REDIS_URL', 'redis://%e2%82@cache.example.com'],
    ['LOG_LEVEL', 'loud'],
    ['TRUST_PROXY', 'yes'],
    ['TRUST_PROXY', '1'],
    ['TRUST_PROXY', '0'],
    ['TRUST_PROXY', '16909060'],
    ['TRUST_PROXY', 'proxy.example.com'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '0.0.0.0/0'],
    ['TRUST_PROXY', '10.0.0.1,'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'null'],
    ['CORS_ORIGINS', 'app.example.net'],
    ['CORS_ORIGINS', 'https://app.example.net/path'],
    ['CORS_ORIGINS', 'https://*.example.net'],
    ['CORS_ORIGINS', 'https://app.example.net,ftp://x'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'api key=x'],
    ['OTEL_EXPORTER_OTLP_HEADERS', ' =x'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'key=%0Ax'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'key=%E2%82%AC'],
    ['IDLE_STOP_AFTER_MINUTES', '0'],
    ['IDLE_STOP_AFTER_MINUTES', '-5'],
    ['IDLE_STOP_AFTER_MINUTES', '30m'],
    ['MAX_ON_HOURS', 'never'],
    ['IDLE_CPU_PERCENT', '20%'],
    ['IDLE_STOP_DRY_RUN', 'yes'],
    ['RATE_LIMIT_PER_MINUTE', '-7'],
    ['RATE_LIMIT_PER_MINUTE', '1e3'],
    ['RATE_LIMIT_PER_MINUTE', '1.5'],
    ['RATE_LIMIT_PER_MINUTE', 'off'],
    ['OIDC_ISSUER', 'ftp://auth.example.com'],
    ['OIDC_ISSUER', 'https://auth.example.com/?x=1'],
    ['OIDC_ISSUER', 'https://auth.example.com/#x'],
    ['OIDC_ISSUER', 'https://auth.example.com/.well-known/openid-configuration'],
    ['OIDC_ISSUER', 'https://diego:secret@auth.example.com'],
    ['OIDC_ISSUER', 'https://diego@auth.example.com'],
    ['OIDC_JWKS_URI', 'https://:secret@auth.example.com/jwks.json'],
    ['OIDC_READ_SCOPE', 'ondemand read'],
    ['OIDC_READ_SCOPE', 'read"'],
    ['OIDC_ADMIN_SCOPE', 'admin\\'],
    ['OIDC_ADMIN_SCOPE', 'admin\u0000'],
    ['OIDC_ADMIN_SCOPE', 'ädmin'],
    ['OIDC_WAKE_SCOPE', 'wake up'],
    ['OIDC_ACCESS_TOKEN_TYP', 'at+jwt,J W T'],
    ['OIDC_ACCESS_TOKEN_TYP', ','],
    ['OIDC_SCOPES_CLAIM', 'realm access'],
    ['OIDC_SCOPES_CLAIM', 'realm_access..roles'],
    ['OIDC_SCOPES_CLAIM', ', ,'],
    ['OIDC_JWKS_URI', 'ftp://auth.example.com/jwks'],
    ['OIDC_AUDIENCE', 'a\nb'],
    ['OIDC_CLIENT_SECRET', '\r'],
    ['OCI_INSTANCE_ID', 'oci-flex-secret'],
    ['OCI_INSTANCE_ID', 'ocid1.instance.oc1..abc/../def'],
    ['OCI_ENDPOINT', 'https://iaas.example.com?x=1'],
    ['OCI_AUTH', 'password'],
    ['OCI_TIMEOUT_SECONDS', '-7'],
    ['OCI_TIMEOUT_SECONDS', 'soon'],
    ['OCI_TIMEOUT_SECONDS', '0.0'],
    ['OCI_TIMEOUT_SECONDS', '0.0009'],
    ['KEEP_ALIVE_SECONDS', '0.0001'],
    ['OCI_TIMEOUT_SECONDS', '0xa'],
    ['OCI_TIMEOUT_SECONDS', '1e1'],
    ['OCI_TIMEOUT_SECONDS', '86401'],
    ['OCI_TIMEOUT_SECONDS', '9'.repeat(400)],
    ['SHUTDOWN_GRACE_SECONDS', 'Infinity'],
    ['SSH_HOST', 'opc@203.0.113.7'],
    ['SSH_HOST', 'opc@[2001:db8::1]:22'],
    ['SSH_HOST', '[::1]'],
    ['SSH_HOST', '[2001:db8::1]:22'],
    ['SSH_HOST', 'vm.example.com:22'],
    ['SSH_HOST', 'ssh://vm.example.com'],
    ['SSH_HOST', 'vm.example.com/'],
    ['SSH_HOST', '-oProxyCommand'],
    ['SSH_HOST', 'vm example'],
    ['SSH_HOST', '256.1.1.1'],
    ['SSH_HOST_KEY_FINGERPRINT', 'MD5:aa:bb'],
    ['DOCKER_SOCKET', 'docker.sock'],
    ['DOCKER_TRANSPORT', 'tcp'],
    ['COMPOSE_COMMAND', 'podman-compose'],
    ['COMPOSE_ROOTS', '/srv:stacks'],
  ])('%s=%s', (variable, value) => {
    const { problems } = parseConfig({ ...required, [variable]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${variable}: \\S`));
    expect(problems[0]).not.toContain(value);
  });
});

test.each([
  ['HOST', 'fe80::1%lo', 'fe80::1%lo'],
  ['HOST', ' localhost\r', 'localhost'],
  ['LOG_LEVEL', 'info\r', 'info'],
  ['AUDIT_ON_FAILURE', ' log ', 'log'],
  ['OTEL_TRACES_SAMPLER', 'always_off\r', 'always_off'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=b%20c, d = e%zz', { a: 'b c', d: 'e%zz' }],
  ['OCI_AUTH', 'session\r', 'session'],
  ['DOCKER_TRANSPORT', 'auto\r', 'auto'],
  ['COMPOSE_COMMAND', 'docker compose\r', 'docker compose'],
  ['COMPOSE_COMMAND', 'auto', undefined],
  ['METRICS_PORT', 'off', undefined],
  ['MAX_ON_HOURS', 'off', undefined],
  ['TRUST_PROXY', 'off\r', false],
  ['RATE_LIMIT_REDIS_URL', ' REDISS://:p%25w@cache:6379/1\r', 'rediss://:p%25w@cache:6379/1'],
  ['OIDC_CLIENT_SECRET', ' sp ace \r', ' sp ace '],
  ['SSH_PRIVATE_KEY_PASSPHRASE', ' sp ace ', ' sp ace '],
  ['OIDC_JWKS_URI', ' https://auth.example.com/jwks/\r', 'https://auth.example.com/jwks/'],
  ['OIDC_INTROSPECTION_URI', 'https://auth.example.com/in/', 'https://auth.example.com/in/'],
  ['OCI_ENDPOINT', 'https://iaas.example.com/\r', 'https://iaas.example.com'],
  ['PUBLIC_URL', 'HTTPS://API.example.com/\r', 'https://api.example.com'],
  ['OIDC_ISSUER', ' https://auth.example.com/\r', 'https://auth.example.com/'],
  ['SSH_HOST', '203.0.113.7', '203.0.113.7'],
  ['SSH_HOST', '2001:db8::1', '2001:db8::1'],
  ['SSH_HOST', 'fe80::1%eth0', 'fe80::1%eth0'],
  ['SSH_HOST', ' vm.example.com. ', 'vm.example.com.'],
  ['SSH_HOST', 'my_vm', 'my_vm'],
  ['TRUST_PROXY', 'true', true],
  ['TRUST_PROXY', 'false', false],
  ['TRUST_PROXY', 'loopback, 2001:db8::/32', 'loopback, 2001:db8::/32'],
  ['TRUST_PROXY', '10.0.0.0/8,127.0.0.1', '10.0.0.0/8,127.0.0.1'],
  ['CORS_ORIGINS', 'https://app.example.com', ['https://app.example.com']],
  [
    'CORS_ORIGINS',
    ' https://APP.example.com:443/ , http://localhost:5173,',
    ['https://app.example.com', 'http://localhost:5173'],
  ],
  ['IDLE_STOP_AFTER_MINUTES', '30', 30],
  ['IDLE_STOP_AFTER_MINUTES', 'off', undefined],
  ['IDLE_ANNOUNCE_MINUTES', '0', 0],
  ['MAX_ON_HOURS', '1.5', 1.5],
  ['IDLE_STOP_DRY_RUN', 'true', true],
  ['RATE_LIMIT_PER_MINUTE', '60', 60],
  ['RATE_LIMIT_PER_MINUTE', '0', 0],
  ['AUDIT_LOG_FILE', '/var/log/ondemand/audit.jsonl', '/var/log/ondemand/audit.jsonl'],
  ['COMPOSE_ROOTS', '/srv:/opt/stacks:', ['/srv', '/opt/stacks']],
  ['COMPOSE_ROOTS', ' /srv : /opt/my stacks\r', ['/srv', '/opt/my stacks']],
  ['PUBLIC_URL', 'https://api.example.com/', 'https://api.example.com'],
  ['PUBLIC_URL', 'https://example.com/@api/', 'https://example.com/@api'],
  ['OIDC_JWKS_URI', 'https://auth.example.com/jwks?v=1', 'https://auth.example.com/jwks?v=1'],
  ['OIDC_READ_SCOPE', 'https://ondemand.example.com/read', 'https://ondemand.example.com/read'],
  ['OIDC_ADMIN_SCOPE', 'ondemand:admin', 'ondemand:admin'],
  ['OIDC_ACCESS_TOKEN_TYP', 'application/AT+JWT, JWT', ['at+jwt', 'jwt']],
  ['OIDC_SCOPES_CLAIM', 'realm_access.roles, groups', ['realm_access.roles', 'groups']],
  ['OIDC_SCOPES_CLAIM', 'https://example.com/roles', ['https://example.com/roles']],
  ['PORT', ' 6000 ', 6000],
  ['SSH_PORT', '65535', 65_535],
  ['SHUTDOWN_GRACE_SECONDS', '0.3', 0.3],
  ['OIDC_ISSUER', 'https://auth.example.com/', 'https://auth.example.com/'],
] as const)('%s=%s is taken', (variable, value, parsed) => {
  expect(parseConfig({ ...required, [variable]: value }).config[variable]).toEqual(parsed);
});

test.each([
  ['COMPOSE_ROOTS', ':'],
  ['COMPOSE_ROOTS', ' : \r'],
  ['COMPOSE_ROOTS', '\r'],
  ['CORS_ORIGINS', ','],
  ['RETURN_ORIGINS', ' , '],
  ['OTEL_EXPORTER_OTLP_HEADERS', ' , '],
])('%s=%j lists nothing and is refused, as it may mean everything', (variable, value) => {
  expect(parseConfig({ ...required, [variable]: value }).problems).toEqual([
    expect.stringMatching(`^${variable}: must `),
  ]);
});

test('a number of hops is refused in words of its own, since Fastify would trust nobody by it', () => {
  expect(parseConfig({ ...required, TRUST_PROXY: '1' }).problems).toEqual([
    expect.stringMatching(/^TRUST_PROXY: takes no number of hops/),
  ]);
});

test('the help names every variable with its default', () => {
  const help = toHelpText(listVariables());
  expect(help).toMatch(/OIDC_ISSUER .*\(required\)/);
  expect(help).toMatch(/SSH_KNOWN_HOSTS_FILE .*\(default ~\/\.ssh\/known_hosts\)/);
});
