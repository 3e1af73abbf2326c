// The files of the jobs page, compiled in as they are: no build step of their own, nothing to install beside the
// binary. A test compares this list with the folder.

#include "control_page.h"

#if !defined(__has_embed)
#error "CControlPage needs a clang with #embed, as Swift 6.2 and newer bring one"
#endif
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "index.html"
};
static const unsigned char icon_svg[] = {
#embed "icon.svg"
};
static const unsigned char css_page_css[] = {
#embed "css/page.css"
};
static const unsigned char js_api_js[] = {
#embed "js/api.js"
};
static const unsigned char js_app_js[] = {
#embed "js/app.js"
};
static const unsigned char js_ask_js[] = {
#embed "js/ask.js"
};
static const unsigned char js_charts_js[] = {
#embed "js/charts.js"
};
static const unsigned char js_dom_js[] = {
#embed "js/dom.js"
};
static const unsigned char js_format_js[] = {
#embed "js/format.js"
};
static const unsigned char js_graph_js[] = {
#embed "js/graph.js"
};
static const unsigned char js_job_js[] = {
#embed "js/job.js"
};
static const unsigned char js_jobs_js[] = {
#embed "js/jobs.js"
};
static const unsigned char js_layout_js[] = {
#embed "js/layout.js"
};

#define FILE_AT(path, bytes) {path, bytes, sizeof bytes}

static const struct control_page_file files[] = {
    FILE_AT("/index.html", index_html),
    FILE_AT("/icon.svg", icon_svg),
    FILE_AT("/css/page.css", css_page_css),
    FILE_AT("/js/api.js", js_api_js),
    FILE_AT("/js/app.js", js_app_js),
    FILE_AT("/js/ask.js", js_ask_js),
    FILE_AT("/js/charts.js", js_charts_js),
    FILE_AT("/js/dom.js", js_dom_js),
    FILE_AT("/js/format.js", js_format_js),
    FILE_AT("/js/graph.js", js_graph_js),
    FILE_AT("/js/job.js", js_job_js),
    FILE_AT("/js/jobs.js", js_jobs_js),
    FILE_AT("/js/layout.js", js_layout_js),
};

const size_t control_page_files_count = sizeof files / sizeof files[0];

const struct control_page_file *control_page_files(void) { return files; }
