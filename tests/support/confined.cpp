// SPDX-License-Identifier: Apache-2.0
// Runs a program like a confined container: read-only except for the given directories, with one
// capability or none, without new privileges, and killed at the first system call that a runtime's
// default seccomp profile forbids to programs without further capabilities.
//
//   kpol_test_confined [--no-capabilities] [--write DIR | --read DIR]... -- PROGRAM ARGUMENT...
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

void must(long result, const std::string& what) {
  if (result >= 0) return;
  std::fprintf(stderr, "confined: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(125);
}

// ---- files

void setAttributes(const char* path, unsigned flags, mount_attr attributes) {
  must(::syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attributes, sizeof attributes),
       std::string("mount_setattr ") + path);
}

struct Directory {
  std::string path;
  bool writable;
};

void makeReadOnly(const std::vector<Directory>& directories) {
  must(::unshare(CLONE_NEWNS), "unshare");
  // What is mounted outside later is seen, as with hostPath volumes and HostToContainer.
  must(::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr), "make mounts follow");
  for (const auto& directory : directories)
    must(
        ::mount(directory.path.c_str(), directory.path.c_str(), nullptr, MS_BIND | MS_REC, nullptr),
        "bind " + directory.path);
  mount_attr readOnly{};
  readOnly.attr_set = MOUNT_ATTR_RDONLY;
  setAttributes("/", AT_RECURSIVE, readOnly);
  mount_attr writable{};
  writable.attr_clr = MOUNT_ATTR_RDONLY;
  for (const auto& directory : directories)
    if (directory.writable) setAttributes(directory.path.c_str(), 0, writable);
}

// ---- capabilities

void keepCapabilities(std::uint64_t kept) {
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability)
    if ((kept >> capability & 1) == 0 && ::prctl(PR_CAPBSET_READ, capability) == 1)
      must(::prctl(PR_CAPBSET_DROP, capability), "drop from the bounding set");
  must(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "clear the ambient set");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  for (unsigned i = 0; i < 2; ++i)
    data[i].effective = data[i].permitted = data[i].inheritable =
        static_cast<std::uint32_t>(kept >> (32 * i));
  must(::syscall(SYS_capset, &header, data), "capset");
}

// ---- system calls

// Not in the default profiles of containerd and Docker, or only with a capability that kpold does
// not have.
constexpr long kForbidden[] = {
    SYS_acct,
    SYS_add_key,
    SYS_bpf,
    SYS_chroot,
    SYS_clock_settime,
    SYS_delete_module,
    SYS_fanotify_init,
    SYS_finit_module,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fsopen,
    SYS_fspick,
    SYS_get_mempolicy,
    SYS_init_module,
    SYS_io_uring_enter,
    SYS_io_uring_setup,
    SYS_kcmp,
    SYS_kexec_load,
    SYS_keyctl,
    SYS_lookup_dcookie,
    SYS_mbind,
    SYS_mount,
    SYS_mount_setattr,
    SYS_move_mount,
    SYS_move_pages,
    SYS_open_by_handle_at,
    SYS_open_tree,
    SYS_perf_event_open,
    SYS_pivot_root,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_ptrace,
    SYS_quotactl,
    SYS_reboot,
    SYS_request_key,
    SYS_set_mempolicy,
    SYS_setdomainname,
    SYS_sethostname,
    SYS_setns,
    SYS_settimeofday,
    SYS_swapoff,
    SYS_swapon,
    SYS_syslog,
    SYS_umount2,
    SYS_unshare,
    SYS_userfaultfd,
    SYS_vhangup,
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif
};
constexpr std::uint32_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                         CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;

void load(std::size_t offset, std::vector<sock_filter>& program) {
  program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
}

// Returns `verdict` where the loaded word is `value`.
void returnIf(std::uint32_t value, std::uint32_t verdict, std::vector<sock_filter>& program) {
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, verdict));
}

void forbidSystemCalls() {
  std::vector<sock_filter> program;
  load(offsetof(seccomp_data, nr), program);
  for (const long call : kForbidden)
    returnIf(static_cast<std::uint32_t>(call), SECCOMP_RET_KILL_PROCESS, program);
  // A filter cannot inspect its flags, which are in memory; runtimes return that the call does not
  // exist.
  returnIf(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS, program);
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3));
  load(offsetof(seccomp_data, args[0]), program);
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kNewNamespaces, 0, 1));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  must(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), "seccomp");
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t capabilities = std::uint64_t{1} << CAP_NET_ADMIN;
  std::vector<Directory> directories;
  int i = 1;
  for (; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--no-capabilities")
      capabilities = 0;
    else if ((argument == "--write" || argument == "--read") && i + 1 < argc)
      directories.push_back({argv[++i], argument == "--write"});
  }
  if (i + 1 >= argc) {
    std::fputs("usage: kpol_test_confined [OPTION]... -- PROGRAM [ARGUMENT]...\n", stderr);
    return 125;
  }
  // The leak checker of sanitizers traces its own process.
  const char* options = std::getenv("ASAN_OPTIONS");
  ::setenv("ASAN_OPTIONS",
           (std::string(options == nullptr ? "" : options) + ":detect_leaks=0").c_str(), 1);
  makeReadOnly(directories);
  keepCapabilities(capabilities);
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
  forbidSystemCalls();
  ::execvp(argv[i + 1], argv + i + 1);
  must(-1, argv[i + 1]);
}
