/*
 * wdf.h for drivers in C: what the framework's header has beyond types, slots and prototypes. The
 * functions by their own names are made of wdfslots.h when a driver is built (wdfcalls.h).
 */
#pragma once
#include_next <wdf.h>
#include "wdfcalls.h"
#include "wdfinit.h"
