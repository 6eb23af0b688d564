using System.Reflection;
using DCCL.ML.Interop;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.ML.Tests;

/// <summary>
/// What ML.NET keeps internal may change with any version of it: one folder uses it, and nothing else. The library compiles against copies
/// whose internals are public, so that the compiler says nothing.
/// </summary>
public sealed class InternalsTests
{
    private static readonly Assembly _library = typeof(ModelFormat).Assembly;

    [Test]
    public void Types_OutsideOfInterop_MentionNoInternalsOfMlNet() =>
        Assert.That(_library.GetTypes().Where(type => !IsInterop(type)).SelectMany(FindInternals).Distinct(), Is.Empty);

    [Test]
    public void FindInternals_OfInterop_FindsThem()
    {
        string[] found = [.. _library.GetTypes().Where(IsInterop).SelectMany(FindInternals)];

        Assert.That(found, Has.Some.EqualTo("ModelContext: Microsoft.ML.ModelSaveContext.SetVersionInfo"));   // an internal method of a public type
        Assert.That(found, Has.Some.EqualTo("CursorSplitter: Microsoft.ML.Data.DataViewUtils"));              // an internal type
        Assert.That(found, Has.Some.EqualTo("ModelContext: Microsoft.ML.ModelLoadContext"));                  // in a signature only
    }

    // What stands before an assembly belongs to no type of it.
    [Test]
    public void AssemblyAttributes_StandInInteropOnly()
    {
        string source = Path.Combine(RepositoryFolder.Path, "src", "DCCL.ML");
        string[] files =
        [
            .. Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(source, file).Replace('\\', '/'))
                .Where(file => !file.StartsWith("obj/", StringComparison.Ordinal) && !file.StartsWith("bin/", StringComparison.Ordinal))
                .Where(file => File.ReadAllText(Path.Combine(source, file)).Contains("[assembly:", StringComparison.Ordinal)),
        ];

        Assert.That(files, Is.Not.Empty);
        Assert.That(files, Has.All.StartsWith("Interop/"));
    }

    // Nothing that the library and these tests need brings it along either.
    [Test]
    public void Dependencies_HaveNothingOfTorch()
    {
        string dependencies = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "DCCL.ML.Tests.deps.json"));

        Assert.That(dependencies, Does.Contain("\"DCCL.ML/"));
        Assert.That(dependencies, Does.Not.Contain("torch").IgnoreCase);
    }

    // SchemaShapeColumns stands in the folder, too; it is public, and therefore in the namespace that users see.
    private static bool IsInterop(Type type) => type.IsNested
        ? IsInterop(type.DeclaringType!)
        : type.Namespace == typeof(ModelFormat).Namespace || type == typeof(SchemaShapeColumns);

    private static IEnumerable<string> FindInternals(Type type)
    {
        IEnumerable<MemberInfo> mentioned = MethodCode.GetMethods(type).SelectMany(Mention)
            .Concat(type.GetFields(MethodCode.Declared).Select(field => field.FieldType))
            .Concat(type.GetInterfaces())
            .Append(type.BaseType ?? typeof(object))
            .Concat(type.GetCustomAttributesData().Select(attribute => attribute.AttributeType));
        return mentioned.SelectMany(Parts).Where(IsHidden).Select(member => $"{Outermost(type).Name}: {Describe(member)}");
    }

    private static IEnumerable<MemberInfo> Mention(MethodBase method)
    {
        IEnumerable<MemberInfo> signature = method.GetParameters().Select(parameter => parameter.ParameterType);
        signature = method is MethodInfo info ? signature.Append(info.ReturnType) : signature;
        return signature.Concat(method.GetMethodBody()?.LocalVariables.Select(local => local.LocalType) ?? []).Concat(MethodCode.GetMembers(method));
    }

    private static IEnumerable<MemberInfo> Parts(MemberInfo member) => member switch
    {
        Type { IsGenericParameter: true } => [],
        Type { HasElementType: true } type => Parts(type.GetElementType()!),
        Type { IsGenericType: true } type => type.GetGenericArguments().SelectMany(Parts).Append(type.GetGenericTypeDefinition()),
        Type type => [type],
        MethodInfo { IsGenericMethod: true } method => method.GetGenericArguments().SelectMany(Parts).Append(method).Concat(Parts(method.DeclaringType!)),
        { DeclaringType: Type declaring } => Parts(declaring).Append(member),
        _ => [member],
    };

    private static bool IsHidden(MemberInfo member)
    {
        string name = member.Module.Assembly.GetName().Name!;
        return name.StartsWith("Microsoft.ML", StringComparison.Ordinal) && member switch
        {
            Type type => !IsOffered(type),
            MethodBase method => !(method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly),
            FieldInfo field => !(field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly),
            _ => false,
        };
    }

    private static bool IsOffered(Type type) => type.IsNested
        ? (type.IsNestedPublic || type.IsNestedFamily || type.IsNestedFamORAssem) && IsOffered(type.DeclaringType!)
        : type.IsPublic;

    private static Type Outermost(Type type) => type.IsNested ? Outermost(type.DeclaringType!) : type;

    private static string Describe(MemberInfo member) => member is Type type ? type.FullName! : $"{member.DeclaringType!.FullName}.{member.Name}";
}
