// An OpenID Connect provider for the tests: oidc-provider as it is, and on request an ID token that was tampered with on
// its way.
//
//   node provider.mjs MODULES PORT REDIRECT_URI
//
// It says "ready" once it listens, and ends with its standard input. POST /mode with nonce, audience, expired, forged or
// none says what becomes of the next tokens; POST /account with a name logs the next visitor in without asking.

import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [modules, port, redirect] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${modules}/${name}`));
const { default: Provider } = await load('oidc-provider/lib/index.js');
const jose = await load('jose/dist/webapi/index.js');

const pair = async () => jose.generateKeyPair('RS256', { extractable: true });
const [own, foreign] = [await pair(), await pair()];
const key = { ...(await jose.exportJWK(own.privateKey)), kid: 'own', alg: 'RS256', use: 'sig' };

// Who there is, by subject.
const accounts = { 'subject-of-anna': 'anna@example.org', 'subject-of-bela': 'bela@example.org' };
let mode = 'none';
let account = '';

const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ client_id: 'rewardd', client_secret: 'secret-of-the-client', redirect_uris: [redirect] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  cookies: { keys: ['a key for the cookies of a test'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  jwks: { keys: [key] },
  pkce: { required: () => true },
  findAccount: (_, sub) => ({
    accountId: sub,
    // Only anna's address has been verified.
    claims: () => ({ sub, email: accounts[sub] ?? `${sub}@example.org`, email_verified: sub === 'subject-of-anna' }),
  }),
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid email');
    await grant.save();
    return grant;
  },
});

const tampered = async (token) => {
  const claims = jose.decodeJwt(token);
  const changed = {
    nonce: { ...claims, nonce: 'another' },
    audience: { ...claims, aud: 'another' },
    // Years ago: the clocks of tests stand anywhere.
    expired: { ...claims, iat: 1_600_000_000, exp: 1_600_003_600 },
  }[mode];
  if (!changed && mode !== 'forged') return token;
  const signed = new jose.SignJWT(changed ?? claims).setProtectedHeader({ alg: 'RS256', kid: 'own' });
  return signed.sign(mode === 'forged' ? foreign.privateKey : own.privateKey);
};

const body = async (request) => {
  let text = '';
  for await (const part of request) text += part;
  return text;
};

provider.use(async (ctx, next) => {
  if (ctx.path === '/mode') {
    mode = await body(ctx.req);
    ctx.body = 'ok';
  } else if (ctx.path === '/account') {
    account = await body(ctx.req);
    ctx.body = 'ok';
  } else if (ctx.path.startsWith('/interaction/')) {
    const asked = ctx.method === 'POST' ? new URLSearchParams(await body(ctx.req)).get('account') : account;
    if (asked) {
      ctx.respond = false;
      await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: asked } });
    } else {
      ctx.type = 'html';
      ctx.body = '<!doctype html><title>Provider</title><h1>Provider</h1>'
        + '<form method="post"><input name="account"><button type="submit">Log in</button></form>';
    }
  } else {
    await next();
    if (ctx.path === '/token' && ctx.body?.id_token) ctx.body.id_token = await tampered(ctx.body.id_token);
  }
});

createServer(provider.callback()).listen(Number(port), '127.0.0.1', () => console.log('ready'));
process.stdin.on('end', () => process.exit(0)).resume();
