using System.Reflection;
using DCCL.ML.Interop;
using NUnit.Framework;

namespace DCCL.ML.Tests;

public sealed class ArchitectureTests
{
    private static readonly Assembly _library = typeof(ModelFormat).Assembly;

    [Test]
    public void Library_References_NothingOfTorch()
    {
        IEnumerable<string?> references = _library.GetReferencedAssemblies().Select(name => name.Name);

        Assert.That(references, Has.None.Contains("Torch").IgnoreCase);
    }

    // The library compiles against copies of ML.NET whose internals are public, so the compiler does not check this.
    [Test]
    public void PublicMembers_Mention_VisibleTypesOnly()
    {
        Assert.That(_library.GetExportedTypes().SelectMany(HiddenTypes), Is.Empty);
    }

    [Test]
    public void HiddenTypes_OfAMemberThatMentionsOne_NamesIt()
    {
        Assert.That(HiddenTypes(typeof(Leaky)), Is.EqualTo(new[] { $"{typeof(Leaky).FullName}: {typeof(Hidden).FullName}" }));
    }

    private static IEnumerable<string> HiddenTypes(Type type)
    {
        const BindingFlags Declared =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        IEnumerable<Type> mentioned = new[] { type.BaseType ?? typeof(object) }
            .Concat(type.GetInterfaces())
            .Concat(type.GetFields(Declared).Where(field => field.IsPublic || IsProtected(field)).Select(field => field.FieldType))
            .Concat(type.GetConstructors(Declared).Where(IsOffered).SelectMany(ParameterTypes))
            .Concat(type.GetMethods(Declared).Where(IsOffered).SelectMany(method => ParameterTypes(method).Append(method.ReturnType)));
        return mentioned.SelectMany(Parts).Distinct().Where(part => !part.IsVisible).Select(part => $"{type.FullName}: {part.FullName}");
    }

    private static IEnumerable<Type> Parts(Type type)
    {
        if (type.IsGenericParameter)
        {
            return [];
        }

        if (type.HasElementType)
        {
            return Parts(type.GetElementType()!);
        }

        return type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts).Append(type.GetGenericTypeDefinition()) : [type];
    }

    private static IEnumerable<Type> ParameterTypes(MethodBase method)
    {
        return method.GetParameters().Select(parameter => parameter.ParameterType);
    }

    private static bool IsOffered(MethodBase method)
    {
        return method.IsPublic || (!method.DeclaringType!.IsSealed && (method.IsFamily || method.IsFamilyOrAssembly));
    }

    private static bool IsProtected(FieldInfo field)
    {
        return !field.DeclaringType!.IsSealed && (field.IsFamily || field.IsFamilyOrAssembly);
    }

    private sealed class Hidden;

    private sealed class Leaky
    {
        public List<Hidden[]> Leaked { get; } = [];
    }
}
