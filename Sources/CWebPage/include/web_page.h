#ifndef WEB_PAGE_H
#define WEB_PAGE_H

#include <stddef.h>

/// One file of the page, for the life of the process.
struct web_page_file {
    /// Where a browser asks for it, from the root: "/js/app.js".
    const char *path;
    const unsigned char *bytes;
    size_t count;
};

/// All files of the page, `web_page_files_count` of them.
const struct web_page_file *web_page_files(void);
extern const size_t web_page_files_count;

#endif
