/* ntddk.h for drivers in C; see wdm.h. */
#pragma once
#include "wdm.h"
#include <ddk/ntddk.h>
