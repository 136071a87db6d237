import v8 from 'node:v8'

/**
 * Has V8 make all objects in the young generation, for the whole process; to be called before there is much of anything.
 *
 * V8 watches where objects survive, and makes those of such places old from then on. For a query of the database it does
 * so for good after a few that were on their way when it looked. An old query keeps its rows until the next large
 * collection, dead as it is: 1.4 of 12 MB survived each small one, which took 3.2 ms instead of half a one, and every
 * fortieth request for a page waited for that (docs/decisions/0019). A server's objects live as long as a request, or for ever.
 */
export function makeObjectsYoung(): void {
  v8.setFlagsFromString('--no-allocation-site-pretenuring')
}
