# rump in an image: docker build -t rump . ; docker run --rm rump --from redis://old:6379 --to redis://new:6379
ARG NODE=24.11.1-alpine3.22

FROM node:${NODE} AS build
WORKDIR /rump
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json LICENSE ./
COPY test test
COPY resp resp
COPY src src
RUN npm run bundle

FROM node:${NODE}
# Whoever gets in finds nothing that installs more.
RUN apk del --purge apk-tools \
  && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
    /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-*
COPY --from=build /rump/build/rump.cjs /usr/local/lib/rump.cjs
WORKDIR /data
USER 1000:1000
ENTRYPOINT ["node", "/usr/local/lib/rump.cjs"]
