/* Under LeakSanitizer cp_finalize looks for what is lost before it ends Python: of what CPython itself leaves behind at its
 * end nothing is lost yet. Not before a later end, since what an earlier one left is lost by then. */
#ifndef LOST_H
#define LOST_H

#include <cloudpickle.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>

#define LOST 23

static inline cp_status finalize_(cp_error **err) {
    static int ended;
    cp_status status;
    if (!ended && cp_state() == 1 && __lsan_do_recoverable_leak_check()) exit(LOST);
    status = cp_finalize(err);
    ended = ended || status == CP_OK;
    return status;
}
#define cp_finalize(err) finalize_(err)
#endif

#endif
