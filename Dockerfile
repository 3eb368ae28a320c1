# Images of the coordinator and of the music shop:
#   docker build --target coordinator --tag atone-coordinator .
#   docker build --target music-shop --tag atone-music-shop .
# docs/deployment.md tells how to run them.

FROM node:24-bookworm-slim AS build
WORKDIR /atone
COPY . .
# No script of a package is run: nothing here needs one.
RUN npm ci --ignore-scripts
RUN node node_modules/typescript-7/bin/tsc -b apps/coordinator examples/music-shop
RUN node tools/image.mjs apps/coordinator /image/coordinator \
 && node tools/image.mjs examples/music-shop /image/music-shop

# Node is the first process and takes the signals itself: it starts no others that would have to be reaped.
FROM node:24-bookworm-slim AS runtime
ENV NODE_ENV=production
WORKDIR /atone
USER node
STOPSIGNAL SIGTERM

FROM runtime AS music-shop
COPY --from=build /image/music-shop ./
# One of the three services; the others are named in its place.
# Else Node would warn of the negative times that kafkajs 2.2 sets timers to, here and between the coordinator's lines of JSON.
CMD ["node", "--disable-warning=TimeoutNegativeWarning", "examples/music-shop/dist/orders/main.js"]

FROM runtime AS coordinator
COPY --from=build /image/coordinator ./
# In a container a loopback address would reach nobody. Such a coordinator does not start without ATONE_API_TOKEN.
ENV ATONE_HTTP_HOST=0.0.0.0
EXPOSE 7070
# What belongs to a transaction lives for some ten ms. With room for it to die young the garbage collector copies far less of it.
CMD ["node", "--disable-warning=TimeoutNegativeWarning", "--max-semi-space-size=32", "apps/coordinator/dist/main.js"]
