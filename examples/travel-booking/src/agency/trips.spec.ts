import { expect, test } from '@jest/globals';
import { newTrip } from '../trip.schema.js';
import { offerFor, type Offer } from './offer.js';
import { drawTrips } from './trips.js';

test('the trips are the same in each run, and each is one that the bookings take', () => {
  const trips = drawTrips();

  expect(drawTrips()).toEqual(trips);
  expect(trips).toHaveLength(3_000);
  expect(trips.map((trip) => newTrip.parse(trip))).toEqual(trips);
  expect(new Set(trips.map(({ tripNo }) => tripNo)).size).toBe(3_000);
});

test('the first trips are the same, however many follow', () => {
  expect(drawTrips(10)).toEqual(drawTrips().slice(0, 10));
});

test('there is a little less of everything than is wanted, and nothing that nobody wants', () => {
  const trips = drawTrips();

  const { flights, hotels, cars } = offerFor(trips);

  const seatPart = sum(flights) / total(trips.map((trip) => trip.seats));
  const roomPart = sum(hotels) / total(trips.map((trip) => trip.rooms));
  const carPart = sum(cars) / trips.filter(({ car }) => car !== undefined).length;
  expect([seatPart, roomPart, carPart].map((part) => Math.round(part * 100))).toEqual([94, 92, 75]);
  expect(new Set(flights.map(({ item }) => item))).toEqual(new Set(trips.map(({ flight }) => flight)));
});

function sum(items: Offer['cars']): number {
  return total(items.map(({ quantity }) => quantity));
}

function total(values: readonly number[]): number {
  return values.reduce((sumSoFar, value) => sumSoFar + value, 0);
}
