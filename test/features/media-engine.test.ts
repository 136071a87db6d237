import { testMediaEngine } from '../media/engine-tests.ts'

testMediaEngine('rings')
