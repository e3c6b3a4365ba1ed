// The compose projects that lie in the VM's home, as a person would have written them.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Writes `stacks/…` into the home. */
export async function writeStacks(home: string): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(home, 'stacks', path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

const files: Readonly<Record<string, string>> = {
  'web/compose.yml': `services:
  nginx:
    build: .
    container_name: nginx
    restart: unless-stopped
    ports:
      - "8080:80"
    environment:
      TZ: Europe/Paris
      SITE_NAME: \${SITE_NAME:-Chez nous}
    volumes:
      - ./html:/usr/share/nginx/html:ro
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"]
      interval: 30s
  whoami:
    image: traefik/whoami:v1.11
    restart: always
    expose: ["80"]
`,
  'web/Dockerfile': `FROM nginx:1.29-alpine
COPY default.conf /etc/nginx/conf.d/default.conf
COPY html /usr/share/nginx/html
RUN echo "checking the configuration"
`,
  'web/default.conf': `server {
  listen 80;
  root /usr/share/nginx/html;
}
`,
  'web/html/index.html': `<!doctype html>
<title>Chez nous</title>
<h1>It works</h1>
`,
  'data/compose.yml': `services:
  postgres:
    image: postgres:17-alpine
    container_name: postgres
    restart: unless-stopped
    ports:
      - "127.0.0.1:5432:5432"
    environment:
      POSTGRES_PASSWORD: \${POSTGRES_PASSWORD}
    volumes:
      - database:/var/lib/postgresql/data
    healthcheck:
      test: pg_isready -U postgres
  backup:
    image: postgres:17-alpine
    container_name: backup
    entrypoint: ["/bin/sh", "-c", "pg_dumpall -h postgres | gzip > /backup/all.sql.gz"]
    volumes:
      - ./backup:/backup
volumes:
  database:
`,
  'data/.env': 'POSTGRES_PASSWORD=not-a-real-password\n',
  'vaultwarden/compose.yml': `services:
  vaultwarden:
    image: vaultwarden/server:1.34.3
    container_name: vaultwarden
    restart: always
    command: ["/start.sh"]
    ports:
      - "8443:80"
      - "3012:3012"
    environment:
      SIGNUPS_ALLOWED: "false"
      ADMIN_TOKEN: not-a-real-token
    volumes:
      - ./data:/data
    healthcheck:
      test: /healthcheck.sh
`,
  'photos/docker-compose.yml': `version: "3.8"
services:
  gallery:
    build: .
    restart: unless-stopped
    ports:
      - "8090:8090"
`,
  'photos/Dockerfile': `FROM python:3.13-alpine
WORKDIR /app
COPY gallery.py .
EXPOSE 8090
CMD ["python", "gallery.py"]
`,
  'photos/gallery.py': `print("gallery")
`,
};
