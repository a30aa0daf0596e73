/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMEDIA_REPORT_H
#define CMEDIA_REPORT_H

#include <stddef.h>

/* Copies `text`, cut to fit and made printable, to the caller's buffer; returns `code`. */
int cmedia_report(int code, const char *text, char *error, size_t error_size);

#endif
