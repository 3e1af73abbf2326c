#ifndef CONTROL_PAGE_H
#define CONTROL_PAGE_H

#include <stddef.h>

/// One file of the page, for the life of the process.
struct control_page_file {
    /// Where a browser asks for it, from the root: "/js/app.js".
    const char *path;
    const unsigned char *bytes;
    size_t count;
};

/// All files of the page, `control_page_files_count` of them.
const struct control_page_file *control_page_files(void);
extern const size_t control_page_files_count;

#endif
