/*
 * KMDF 1.31 as a driver sees it, for hosts that have no WDK.
 *
 * Written for this project from the framework's public interface: the names, slots, layouts and
 * constants of microsoft/Windows-Driver-Frameworks, src/publicinc/wdf/kmdf/1.31 (MIT), and of
 * learn.microsoft.com/windows-hardware/drivers/ddi/_wdf. kit/tests compares what is here with
 * figures measured from the public headers.
 *
 * What is not here: SAL annotations, the C inline wrappers and *_INIT helpers (Rust calls through
 * the table), and the prototypes of what a software driver seldom needs (DMA, USB, interrupts,
 * resources, WMI, child lists, PDOs, I/O targets). Their slots have their names all the same.
 */
#pragma once

#include "wdftypes.h"
#include "wdftable.h"
#include "wdfobject.h"
#include "wdfsync.h"
#include "wdfmemory.h"
#include "wdfstring.h"
#include "wdfregistry.h"
#include "wdfcollection.h"
#include "wdfdriver.h"
#include "wdffileobject.h"
#include "wdfpnppower.h"
#include "wdfpowerpolicy.h"
#include "wdfrequest.h"
#include "wdfdevice.h"
#include "wdfqueue.h"
#include "wdftimer.h"
#include "wdfdpc.h"
#include "wdfworkitem.h"
