// Makes the optional package koffi absent for a program and its threads:
//   node --import <this file> program
import { register } from 'node:module'

const HOOKS = '?hooks'
if (!import.meta.url.endsWith(HOOKS)) register(import.meta.url + HOOKS)

export async function resolve(specifier, context, nextResolve) {
  if (specifier !== 'koffi') return nextResolve(specifier, context)
  throw Object.assign(new Error("Cannot find package 'koffi'"), { code: 'ERR_MODULE_NOT_FOUND' })
}
